"""The engine in hardware: one block per file, equal to `qsim.spec` bit for bit."""
