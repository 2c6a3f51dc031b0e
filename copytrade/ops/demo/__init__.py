"""The demo world: invented leaders in a simulated market. Everything that it leaves behind is marked."""
