"""Pictures of explanations; matplotlib is loaded with them."""
