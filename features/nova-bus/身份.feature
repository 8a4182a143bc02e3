# language: zh-CN
功能: 用户身份事件

  消费者一侧：事件直接发布到 nova.identity.events。由 identity-service 发布的事件见 身份服务.feature。

  背景:
    假如系统正在运行

  场景: 用户按新名字可以被搜索，注销后不再找到
    当发布事件"identity.user.profile_updated"，记为"资料"
      | username   | {旧名}                 |
      | updated_at | 2025-01-15T10:30:00Z |
    那么搜索"{旧名}"在5秒内找到"{资料.user_id}"
    当发布事件"identity.user.profile_updated"，记为"改名"
      | user_id    | {资料.user_id}         |
      | username   | {新名}                 |
      | updated_at | 2025-01-15T10:31:00Z |
    那么搜索"{新名}"在5秒内找到"{资料.user_id}"
    并且视图"search"在500毫秒内始终不显示"{资料.user_id}"
      | words | {旧名} |
    当发布事件"identity.user.deleted"，记为"注销"
      | user_id | {资料.user_id} |
    那么搜索"{新名}"在5秒内不再找到"{资料.user_id}"

  场景: 动态中显示作者的新名字
    假如用户"bob"关注了用户"alice"
    当用户"alice"发布了帖子"帖子"
    那么用户"bob"的动态在5秒内显示帖子"帖子"
    当发布事件"identity.user.profile_updated"，记为"改名"
      | user_id      | {alice} |
      | display_name | {新名}    |
    那么视图"authors in feed"在5秒内显示"{新名}"
      | user | {bob} |

  # 邮箱不可搜索。
  场景: 新用户可以按用户名搜索，按邮箱搜索不到
    当发布事件"identity.user.created"，记为"注册"
      | username | {用户名}              |
      | email    | {用户名}@example.com |
    那么搜索"{用户名}"在5秒内找到"{注册.user_id}"
    并且视图"search"在500毫秒内始终不显示"{注册.user_id}"
      | words | @example.com |

  场景: 注销的用户不再是任何人的粉丝
    假如用户"bob"关注了用户"alice"
    并且用户"carol"关注了用户"alice"
    当发布事件"identity.user.profile_updated"，记为"资料"
      | user_id | {alice} |
    那么视图"followers"在5秒内显示"{bob}"
      | user | {alice} |
    当发布事件"identity.user.deleted"，记为"注销"
      | user_id | {bob} |
    那么视图"followers"在5秒内不再显示"{bob}"
      | user | {alice} |
    并且视图"followers"在5秒内显示"{carol}"
      | user | {alice} |

  场景: 重复的注销事件只处理一次
    当发布事件"identity.user.deleted"，记为"注销"
    并且同一事件再次发布2次
    并且同一事件在处理完成后再次发布
    那么视图"remembered by graph-service"在10秒内显示"604800"
      | event | {注销.id} |
    并且服务"graph-service"只处理该事件一次
    并且服务"search-service"只处理该事件一次

  场景: 无法读取的注销事件进入两个消费者的死信主题
    当发布一个无效的"identity.user.deleted"事件，记为"坏记录"
      | rule  | required |
      | place | /user_id |
    那么该事件在5秒内由服务"graph-service"送入死信主题
    并且该事件在5秒内由服务"search-service"送入死信主题

  # feed-service-direct 也读取这个主题，它的死信会掩盖 feed-service 没有写死信。
  场景: 无法读取的资料事件由动态服务送入死信主题
    假如服务"feed-service-direct"停止
    当发布一个无效的"identity.user.profile_updated"事件，记为"坏记录"
      | rule  | required      |
      | place | /display_name |
    那么该事件在5秒内由服务"feed-service"送入死信主题
    当服务"feed-service-direct"重新启动
