"""Background work as rows of the same database, put in the transaction of the change that asks for it."""
