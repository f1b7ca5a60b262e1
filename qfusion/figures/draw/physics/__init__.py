"""Pictures that physicists know: Bloch balls, Hinton diagrams, rasters of jumps, graphs of information."""
