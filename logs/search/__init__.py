"""Searching logs: a query is read (`parser`), compiled to SQL (`compiler`) and run slice by slice (`page`)."""
