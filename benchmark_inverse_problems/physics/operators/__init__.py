"""One file a family of operators: factories, and what is known of the operators."""
