"""Traffic that exists already, as a config: HAR files, curl's command lines, OpenAPI, Postman and Insomnia.

Each format has a module that reads a parsed document into `Gathered`: requests as they are sent, perhaps in the order of one
user, and a sentence for everything that it leaves out. From there on all formats go the same way: `finish` takes out secrets,
folds paths, writes the config and checks it. While it is worked on, a text holds `marks` where the config will have a
placeholder or a variable of the environment, so that what is literal in a document is never mistaken for one.
"""
