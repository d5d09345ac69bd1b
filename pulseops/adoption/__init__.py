"""What `manage.py adoption_report` tells of a database that other software made."""
