"""Pure rules of care packages: the week of visits, its least lawful price, the points of offers. They know no table."""
