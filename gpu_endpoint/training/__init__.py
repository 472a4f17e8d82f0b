"""Training of the bundled scene model: renderer, captions, training, export, evaluation."""
