"""Applications as the organisation that applies writes them: begun, filled in, sent, taken back, appealed (V1, V5, C1).

`offers` says what can be applied for, `opened` reads one application with everything its pages need, `drafts` writes
it, `steps` says what is done and what is left, `carry` brings over what was answered before, `papers` looks at the
evidence, `files` keeps what goes with an answer, `sending` takes the snapshot that the council reads, and `appeals`
asks it to look again.
"""
