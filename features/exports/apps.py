from chat.seams import Feature


class Exports(Feature):
    name = "features.exports"
