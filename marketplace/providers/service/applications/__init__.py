"""Applications as the organisation that applies writes them: begun, filled in, sent, taken back, appealed (V1, V5, C1).

`opened` reads one with everything its pages need, `drafts` writes it, `steps` says what is done and what is left,
`carry` brings over what was answered before, `papers` looks at the evidence, `sending` takes the snapshot that the
council reads, `appeals` asks it to look again.
"""
