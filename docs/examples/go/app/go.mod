module example.org/home

go 1.19
