"""kubectl on an emulated cluster: the verbs people use, with columns that look like kubectl's."""
