"""Sources of style sheets and scripts, and the script that builds them."""
