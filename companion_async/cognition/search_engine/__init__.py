"""Full text search over documents, by the words of a question and what documentation calls the same."""
