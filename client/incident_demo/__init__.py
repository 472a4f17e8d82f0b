"""sightline demo incidents: a storm in, incidents, a summary, a Slack message and a cited answer out."""
