"""What every page for a browser shares: templates, style, charts, and the policy that holds them."""
