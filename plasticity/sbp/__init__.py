"""Self-backpropagation: weights that change amplify the changes upstream of them.

T. Zhang, X. Cheng, S. Jia, M. Poo, Y. Zeng, B. Xu (2021), Science Advances 7, eabh0146, doi:10.1126/sciadv.abh0146.
"""
