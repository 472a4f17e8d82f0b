"""What benchmarks.latency measures: the vectors, Sightline's side, and the other stores'."""
