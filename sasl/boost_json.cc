// Boost.JSON's implementation, compiled once: Debian's libboost headers bring it, a library is not needed.
#include <boost/json/src.hpp>
