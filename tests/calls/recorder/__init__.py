"""The stories that `record_stories.py` records, one file for each subject; `STORIES` of each file are its stories."""
