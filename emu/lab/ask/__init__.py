"""Questions to a cluster: who reaches whom, by what way, and why not."""
