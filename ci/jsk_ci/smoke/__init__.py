"""Whether notebooks run in an image: it is started as Studio would start it, in both of its forms."""
