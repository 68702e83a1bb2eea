/* y = W x + b; W is (outputs, inputs), row by row. */
static inline void NAME_dense(const float *weights, const float *bias, size_t inputs, size_t outputs, const float *x,
                              float *y)
{
    for (size_t o = 0; o < outputs; o++) {
        float sum = 0.0f;
        for (size_t i = 0; i < inputs; i++) {
            sum += weights[o * inputs + i] * x[i];
        }
        y[o] = sum + bias[o];
    }
}

/* y = x + b */
static inline void NAME_add(const float *bias, size_t size, const float *x, float *y)
{
    for (size_t i = 0; i < size; i++) {
        y[i] = x[i] + bias[i];
    }
}

static inline void NAME_relu(size_t size, float *x)
{
    for (size_t i = 0; i < size; i++) {
        x[i] = x[i] < 0.0f ? 0.0f : x[i];
    }
}

static inline void NAME_sigmoid(size_t size, float *x)
{
    for (size_t i = 0; i < size; i++) {
        x[i] = 1.0f / (1.0f + expf(-x[i]));
    }
}

static inline void NAME_tanh(size_t size, float *x)
{
    for (size_t i = 0; i < size; i++) {
        x[i] = tanhf(x[i]);
    }
}

/* The greatest is subtracted first, so that nothing overflows. */
static inline void NAME_softmax(size_t size, float *x)
{
    float greatest = x[0], sum = 0.0f;
    for (size_t i = 1; i < size; i++) {
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    for (size_t i = 0; i < size; i++) {
        x[i] = expf(x[i] - greatest);
        sum += x[i];
    }
    for (size_t i = 0; i < size; i++) {
        x[i] /= sum;
    }
}

/* The place of the greatest; the lowest of those that share it. */
static inline int NAME_greatest(size_t size, const float *x)
{
    size_t best = 0;
    for (size_t i = 1; i < size; i++) {
        best = x[i] > x[best] ? i : best;
    }
    return (int)best;
}
