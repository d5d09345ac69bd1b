"""`manage.py doctor` and its page: what is wrong with this installation, and what to do about each."""
