"""Runbooks, cut into pieces that can be cited, and the copilot that answers from them."""
