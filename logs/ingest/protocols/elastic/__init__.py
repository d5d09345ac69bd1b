"""Elasticsearch's _bulk below /es, and the questions that its clients ask before they send.

Sources: the API's reference; what Beats, Logstash, Fluent Bit, Vector and elasticsearch-py check in answers.
"""
