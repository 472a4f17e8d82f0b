"""Generated alerts, and the heads on MiniLM's token states that learn from them."""
