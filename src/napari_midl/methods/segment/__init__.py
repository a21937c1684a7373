"""Any structures, any number of classes, from few and from partial labels."""
