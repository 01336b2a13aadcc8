"""The helper library behind the notebooks: one runbook for GitLab license emergencies."""
