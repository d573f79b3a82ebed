"""What runs compute: from settings and a seed to rows and figures. Nothing here says what is asked or shown."""
