"""Gorsline, Smith and Merkel, "On the Adversarial Robustness of Quantized Neural Networks", measured again.

    tasks ─► measure ─► rows ─► claims
             (run: on local processes or a cluster)

Every figure comes from the rows that the tasks leave in one file; nothing is computed from anything else.
"""
