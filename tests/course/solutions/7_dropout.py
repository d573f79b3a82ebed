def dropout(x, uniform, rate):
    factor = ((uniform >= rate) / (1 - rate)).astype(x.dtype)
    return x * factor, lambda dy: (dy * factor,)
