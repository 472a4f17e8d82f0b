"""People, workspaces, who may do what in them, and the keys that act for them."""
