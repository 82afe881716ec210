"""The report: one HTML file that holds all that it shows, and loads nothing."""
