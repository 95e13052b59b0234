"""SemiCD-VL: change maps from opinions on single dates, and a network that learns from few labels and many opinions."""
