# placeholder until built
