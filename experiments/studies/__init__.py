"""The five reports as studies, one module a report, and what they share."""
