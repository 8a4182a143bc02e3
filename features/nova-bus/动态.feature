# language: zh-CN
功能: 用户动态

  背景:
    假如系统正在运行

  场景: 发布的帖子在5秒内出现在粉丝的动态中
    假如用户"bob"关注了用户"alice"
    当用户"alice"发布了帖子"帖子"
    那么6秒内出现事件"content.post.created"
    并且用户"bob"的动态在5秒内显示帖子"帖子"
    并且消费组"feed-service-group"已处理该事件

  场景: 重复的 event_id 被忽略
    假如用户"bob"关注了用户"alice"
    当用户"alice"的帖子事件"帖子"直接发布到主题
    并且同一事件再次发布3次
    并且同一事件在处理完成后再次发布
    # 文档的 processed:{event_id} 保留7天。
    那么视图"remembered by feed-service"在10秒内显示"604800"
      | event | {帖子.id} |
    并且服务"feed-service"只处理该事件一次

  场景: 同一帖子的事件保持顺序
    当用户"alice"发布了帖子"帖子"
    并且帖子"帖子"的状态改为"archived"，记为"归档"
    并且帖子"帖子"的状态改为"published"，记为"恢复"
    那么键"{帖子.post_id}"的事件在主题上保持顺序
    并且服务"feed-service"按顺序处理键"{帖子.post_id}"的事件

  场景: 动态按发布时间排列，最新的帖子在最前面
    假如用户"bob"关注了用户"alice"
    当发布事件"content.post.created"，记为"新帖子"
      | user_id    | {alice}              |
      | created_at | 2025-01-15T10:31:00Z |
    那么用户"bob"的动态在5秒内显示帖子"新帖子"
    当发布事件"content.post.created"，记为"旧帖子"
      | user_id    | {alice}              |
      | created_at | 2025-01-15T10:30:00Z |
    那么用户"bob"的动态在5秒内显示帖子"旧帖子"
    并且视图"newest in feed"在5秒内显示"{新帖子.post_id}"
      | user | {bob} |
    并且视图"newest in feed"在500毫秒内始终不显示"{旧帖子.post_id}"
      | user | {bob} |

  场景: 删除的帖子从动态中消失
    假如用户"bob"关注了用户"alice"
    当用户"alice"发布了帖子"帖子"
    那么用户"bob"的动态在5秒内显示帖子"帖子"
    当帖子"帖子"被删除，记为"删除"
    那么用户"bob"的动态在5秒内不再显示帖子"帖子"

  # 文档的第二步：删除本地缓存。
  场景: 删除的帖子从本地缓存中消失
    当用户"alice"发布了帖子"帖子"
    那么视图"post source"在5秒内显示"cache"
      | post | {帖子.post_id} |
    当帖子"帖子"被删除，记为"删除"
    那么视图"post source"在5秒内不再显示"cache"
      | post | {帖子.post_id} |

  场景: 动态服务在处理过程中被强制终止，重启后不丢失事件
    当在后台以200/s的速率发布300个"content.post.created"事件
    并且服务"feed-service"处理其中50个之后被强制终止
    并且服务"feed-service"重新启动
    那么消费组"feed-service-group"在20秒内没有丢失其中任何事件

  # 正常停止不同于强制终止：手上的一批要么处理完，要么留给下一个实例。
  场景: 动态服务在处理过程中停止，重启后不丢失事件
    当在后台以200/s的速率发布300个"content.post.created"事件
    并且经过500ms
    并且服务"feed-service"停止
    并且服务"feed-service"重新启动
    那么消费组"feed-service-group"在20秒内没有丢失其中任何事件

  # 两个实例各有三个分区，同时拿到同一个 event_id：检查、处理和标记必须是一步。
  场景: 两个实例同时收到同一个 event_id，只处理一次
    当事件"content.post.created"同时发布到所有分区
      | user_id | {alice} |
    那么服务"feed-service"只处理该事件一次

  场景: 两个实例分担分区，其中一个被强制终止，不丢失事件
    当在后台以200/s的速率发布300个"content.post.created"事件
    并且经过500ms
    并且服务"feed-service-two"被强制终止
    那么消费组"feed-service-group"在20秒内没有丢失其中任何事件
    并且服务"feed-service-two"重新启动

  场景: 主题与契约一致
    那么主题与契约声明一致
