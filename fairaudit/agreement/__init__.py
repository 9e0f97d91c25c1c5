"""Do metrics agree over models? The intrinsic-extrinsic study of Cao et al. 2022."""
