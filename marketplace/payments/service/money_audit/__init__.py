"""The proportionate audit of a direct payment (C11): spending that visits prove needs no paper.

`risk` scores and samples, `service` opens, asks, takes answers and closes. It is a record of money alone: reviews of
outcomes belong to `plans`, and nothing here reads or writes them (T14).
"""
