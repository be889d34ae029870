"""Speech for the recipe: synthesisers of several families, and the bank that holds what they said."""
