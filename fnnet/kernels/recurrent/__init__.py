"""Recurrent nets over all steps of a sequence at once: a state goes through time, and its gradient back."""
