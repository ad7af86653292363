"""Networks that other tools trained: read and folded into integers, or refused where that is not exact."""
