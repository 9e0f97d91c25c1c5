"""Bias planted with a known strength, and which metrics notice it.

`planting` makes labelled texts whose label depends on the group with strength s;
`trials` trains a classifier at each s and audits it; `series` and `outcomes` sum up
what each metric said; `writing` makes files and a table of it.
"""
