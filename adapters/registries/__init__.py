"""Company registers 市场监管: what stands behind the `Registry` port."""
