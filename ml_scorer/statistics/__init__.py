"""Statistics of scores: how far the images that happened to be annotated leave them open. Arrays in, arrays out."""
