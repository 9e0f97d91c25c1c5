"""Statistics over plain arrays: correction, proportions, AUC, gaps of rates."""
