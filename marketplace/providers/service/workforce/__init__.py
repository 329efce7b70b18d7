"""The workforce: workers and their training, the nomination of planners, the register of personal assistants."""
