from chat.seams import Feature


class AppName(Feature):
    name = "features.app_name"
