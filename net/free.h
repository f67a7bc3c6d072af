// What a C library has made, held by std::unique_ptr: std::unique_ptr<BIO, Free<BIO_free>>.
#pragma once

namespace shunt::net {

/// A deleter that calls the library's own function.
template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};

}  // namespace shunt::net
