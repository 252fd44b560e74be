"""Operators: their accounts and sign-in, and the hub that carries calls to their pages."""
