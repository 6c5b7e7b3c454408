"""What moves in the stores changes the stock in Dynamics, and what was counted corrects it."""
